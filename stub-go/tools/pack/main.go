// Command pack puts a Go module into a directory as a module proxy would serve it, so that `go get` can have it from there
// as from any proxy, with GOPROXY=file://DIRECTORY.
//
// usage: pack MODULE-DIRECTORY VERSION DIRECTORY
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("pack: ")
	if len(os.Args) != 4 {
		log.Fatal("usage: pack MODULE-DIRECTORY VERSION DIRECTORY")
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func pack(from, version, to string) error {
	mod, err := os.ReadFile(filepath.Join(from, "go.mod"))
	if err != nil {
		return err
	}
	packed := module.Version{Path: modfile.ModulePath(mod), Version: version}
	if err := module.Check(packed.Path, packed.Version); err != nil {
		return err
	}
	var files bytes.Buffer
	if err := zip.CreateFromDir(&files, packed, from); err != nil {
		return err
	}
	directory := filepath.Join(to, packed.Path, "@v")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list":            []byte(version + "\n"),
		version + ".info": fmt.Appendf(nil, "{\"Version\": %q}\n", version),
		version + ".mod":  mod,
		version + ".zip":  files.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
