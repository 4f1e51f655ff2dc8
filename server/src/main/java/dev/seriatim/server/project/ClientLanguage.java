package dev.seriatim.server.project;

import com.google.common.collect.ImmutableMap;

/** What a client of a new project can be written in, as it is called on the command line. */
@SuppressWarnings("MemberName")
enum ClientLanguage {
  go(
      ImmutableMap.of(
          "README.md", "README.md",
          ".gitignore", "gitignore",
          "go.mod", "go.mod.txt",
          "buf.gen.yaml", "buf.gen.yaml",
          "gen/gen.go", "gen.go.txt",
          "main.go", "main.go.txt")),
  python(
      ImmutableMap.of(
          "README.md", "README.md",
          ".gitignore", "gitignore",
          "requirements.txt", "requirements.txt",
          "main.py", "main.py")),
  typescript(
      ImmutableMap.of(
          "README.md", "README.md",
          ".gitignore", "gitignore",
          "package.json", "package.json",
          "tsconfig.json", "tsconfig.json",
          "buf.gen.yaml", "buf.gen.yaml",
          "main.ts", "main.ts"));

  private final ImmutableMap<String, String> files;

  ClientLanguage(ImmutableMap<String, String> files) {
    this.files = files;
  }

  /** Where its folder is, in the project. */
  String folder() {
    return "client-" + name();
  }

  /** Its files, by where they go to in that folder: what they are called in the program. */
  ImmutableMap<String, String> files() {
    return files;
  }
}
