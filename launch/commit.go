package launch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// Commit is that of the source that this program was built from, with +dirty where the
// source differed: as the Go tool wrote it into the program, else as git says of the
// folder that the program lies in, else "unknown".
func Commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		commit, dirty := "", ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "+dirty"
			}
		}
		if commit != "" {
			return commit + dirty
		}
	}
	program, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	return gitCommit(program)
}

// gitCommit is the commit that is checked out where a program lies, unless the program
// is older than that: then it was built from another one.
func gitCommit(program string) string {
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", filepath.Dir(program)}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	built, err := os.Stat(program)
	if err != nil {
		return "unknown"
	}
	moved, err := git("reflog", "-1", "--date=unix", "--format=%gd", "HEAD")
	var since int64 // HEAD@{seconds}
	if _, scan := fmt.Sscanf(moved, "HEAD@{%d}", &since); err != nil || scan != nil || since > built.ModTime().Unix() {
		return "unknown"
	}
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no"); err != nil || changed != "" {
		return commit + "+dirty"
	}
	return commit
}
