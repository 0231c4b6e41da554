package launch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A program is of the commit that is checked out where it lies, unless that was checked
// out after the program was built.
func TestGitCommit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not on PATH: what it says of a program is left out")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	source, program := filepath.Join(dir, "source"), filepath.Join(dir, "program")
	write := func(path, text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	check := func(rule, want string) {
		t.Helper()
		if got := gitCommit(program); got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
	check("a program that is not there", "unknown")
	write(program, "", 0)
	check("no repository", "unknown")
	git("init", "-q")
	check("no commit", "unknown")
	write(source, "one", 0)
	git("add", "source")
	git("commit", "-q", "-m", "one")
	write(program, "", -2*time.Second)
	commit := git("rev-parse", "HEAD")
	check("built after the checkout", commit)
	write(source, "two", 0)
	check("the source has changed", commit+"+dirty")
	write(program, "", time.Hour)
	check("built before the checkout", "unknown")
}
