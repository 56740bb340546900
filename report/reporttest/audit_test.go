package reporttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The audit sees what is wrong with a page that does everything wrong.
func TestAuditSees(t *testing.T) {
	const page = `<!doctype html><html><head><title>x</title></head><body>
<h3>Too deep</h3>
<p style="color:#999;background:#fff">faint</p>
<p style="width:500px;background:#fff">wide</p>
<img src="data:image/png;base64,AAAA" alt="broken">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" alt="">
<table><thead><tr><th>head</th></tr></thead></table>
<svg role="img" width="9" height="9"><path class="line" stroke="#eee" d="M0 0H9"/></svg>
<svg width="9" height="9"></svg>
<p id="twice" aria-labelledby="gone">a</p><p id="twice">b</p>
<a href="#nowhere">link</a>
<div class="scroll" style="overflow:auto;width:50px"><p style="width:90px">cut</p></div><h2>Same</h2><h2>Same</h2>
</body></html>`
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	b.emulate(360, "light", "screen")
	wrong := strings.Join(run(b, chromedp.Evaluate[[]string](audit, chromedp.EvalAwaitPromise)), "\n")
	for _, want := range []string{
		"a picture does not load: broken", "a picture has no alternative text", "has no title or description",
		"neither described nor hidden", "pixels wide, on a screen of 360", "ends at 508 of 360", "the page has no language",
		"not one h1", "the first heading is no h1", "no column heads", "has no scope", "two elements have the id twice",
		"nothing has the id gone", "leads nowhere", "cut is cut, and nothing shows it", "cannot be reached with keys", "two parts are called Same", "contrast 2.85, want 4.5", "line of rgb(238, 238, 238)",
	} {
		if !strings.Contains(wrong, want) {
			t.Errorf("the audit does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(wrong)
	}
}

// The audit runs axe-core and returns what it finds.
func TestAxe(t *testing.T) {
	if os.Getenv("OSCAR_AXE") == "" {
		t.Skip("OSCAR_AXE is not set: no axe-core to look at pages with")
	}
	const page = `<!doctype html><html><head><title>x</title></head><body><main><h1>Title</h1>
<p style="color:#999;background:#fff">faint</p><input type="text"></main></body></html>`
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	b.emulate(768, "light", "screen")
	wrong := strings.Join(b.axe(axeViews[0]), "\n")
	for _, want := range []string{"html-has-lang", "color-contrast", "label: "} {
		if !strings.Contains(wrong, want) {
			t.Errorf("axe-core does not say %q:\n%s", want, wrong)
		}
	}
}
