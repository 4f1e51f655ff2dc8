package seriatim_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every block of Go in the README stands, line for line, in the examples that are compiled here.
func TestReadmeShowsCompiledCode(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	source := trimmedLines(string(examples))
	blocks := regexp.MustCompile("(?s)```go\n(.*?)\n```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 4 {
		t.Errorf("%d blocks, expected at least 4", len(blocks))
	}
	for _, block := range blocks {
		lines := trimmedLines(block[1])
		stands := false
		for i := 0; i+len(lines) <= len(source) && !stands; i++ {
			stands = slices.Equal(source[i:i+len(lines)], lines)
		}
		if !stands {
			t.Errorf("not in example_test.go:\n%s", block[1])
		}
	}
}

func trimmedLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return lines
}
