package report

import (
	"context"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browse opens a page in headless Chromium in one of the schemes, and returns what it
// looks like and the lines of the console.
func browse(t *testing.T, page, scheme string) (image.Image, []string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not on PATH: tests in a browser are left out; scripts/deps test installs it")
	}
	shot := filepath.Join(t.TempDir(), scheme+".png")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--hide-scrollbars", "--window-size=1280,4000",
		"--blink-settings=preferredColorScheme="+map[string]string{"dark": "0", "light": "1"}[scheme],
		"--screenshot="+shot, "file://"+page)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	file, err := os.Open(shot)
	if err != nil {
		t.Fatalf("no screenshot: %v\n%s", err, out)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return img, regexp.MustCompile(`(?m)^.*CONSOLE.*$`).FindAllString(string(out), -1)
}

// look is the mean brightness of an image, from 0 to 1, and how many colours it has.
func look(img image.Image) (brightness float64, colors int) {
	seen, n := map[[3]uint32]bool{}, 0.0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 3 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 3 {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
			brightness += float64(r+g+b) / 3 / 0xffff
			n++
		}
	}
	return brightness / n, len(seen)
}

func TestInABrowser(t *testing.T) {
	page := filepath.Join(written(t), Page)
	for scheme, right := range map[string]func(float64) bool{
		"light": func(b float64) bool { return b > 0.8 },
		"dark":  func(b float64) bool { return b < 0.3 },
	} {
		t.Run(scheme, func(t *testing.T) {
			img, console := browse(t, page, scheme)
			if len(console) > 0 {
				t.Errorf("the console says:\n%s", strings.Join(console, "\n"))
			}
			if brightness, colors := look(img); !right(brightness) || colors < 100 {
				t.Errorf("brightness %.2f with %d colours", brightness, colors)
			}
		})
	}
	t.Run("a request would be seen", func(t *testing.T) {
		spoilt := filepath.Join(t.TempDir(), Page)
		text := strings.Replace(readFile(t, page), "</main>", `<img alt="" src="http://elsewhere.example/x.png"></main>`, 1)
		if err := os.WriteFile(spoilt, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, console := browse(t, spoilt, "light"); !strings.Contains(strings.Join(console, "\n"), "elsewhere.example") {
			t.Errorf("a request to elsewhere.example is not in the console: %q", console)
		}
	})
}
