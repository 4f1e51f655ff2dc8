"""What is built of this folder brings what it must."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parents[1]
BUILD = "import setuptools.build_meta as b, sys; getattr(b, sys.argv[1])('built')"


def test_the_wheel_and_the_sdist_have_the_license(tmp_path: Path) -> None:
    license_ = (HERE.parent / "LICENSE").read_bytes()
    assert (HERE / "LICENSE").read_bytes() == license_
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(HERE / name, tmp_path)
    shutil.copytree(
        HERE / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    (tmp_path / "built").mkdir()
    for kind in ("build_wheel", "build_sdist"):
        built = subprocess.run(
            [sys.executable, "-c", BUILD, kind], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "built").glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith("/LICENSE")]
        assert files.read(name) == license_
        assert "seriatim/py.typed" in files.namelist()
        assert "seriatim/aio/_link.py" in files.namelist()
    (sdist,) = (tmp_path / "built").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        (member,) = [member for member in archive.getmembers() if member.name.endswith("/LICENSE")]
        extracted = archive.extractfile(member)
        assert extracted is not None
        assert extracted.read() == license_
