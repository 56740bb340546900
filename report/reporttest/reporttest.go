// Package reporttest checks in tests, in a headless browser, the properties that every report must
// have.
//
// OSCAR_CHROMIUM names the browser (make test sets it, see scripts/setup-chromium). Without it the
// test is skipped. OSCAR_AXE names the script of axe-core, which is then run too. OSCAR_SCREENSHOTS
// names a folder for screenshots.
package reporttest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// audit lists the problems of a page.
//
//go:embed audit.js
var audit string

// widths are the widths of a phone, a tablet and a desktop, in pixels.
var widths = []int64{360, 768, 1280}

// paperWidth is the width of A4 without margins, in CSS pixels.
const paperWidth = 680

// Look opens an HTML file at every width, in light and dark mode, and in print. It checks that every
// picture loads and has a text, nothing overflows, headings are in order, text and lines have
// contrast, and nothing is loaded from a network.
func Look(t *testing.T, path string) {
	t.Helper()
	b := open(t, path)
	for _, width := range widths {
		for _, scheme := range []string{"light", "dark"} {
			b.emulate(width, scheme, "screen")
			b.audit(fmt.Sprintf("%d-%s", width, scheme))
		}
	}
	b.emulate(paperWidth, "dark", "print")
	b.audit("print")
	b.print()
	for _, asked := range b.asked() {
		if asked != b.url && !strings.HasPrefix(asked, "data:") {
			t.Errorf("%s asks for %.80s", b.name, asked)
		}
	}
}

// browser is a browser with an open page.
type browser struct {
	*testing.T
	ctx  context.Context
	name string // name of the file, for screenshots
	url  string

	mu   sync.Mutex
	urls []string // requested URLs
}

// Site is a page of a server, opened in a browser.
type Site struct{ b *browser }

// Visit opens a page of a server. name is for screenshots.
func Visit(t *testing.T, name, url string) Site {
	t.Helper()
	return Site{visit(t, name, url)}
}

// Look checks the current page at every width, in light and dark mode. The page must not load
// anything from another host.
func (s Site) Look(name string) {
	s.b.Helper()
	s.b.name = name
	for _, width := range widths {
		for _, scheme := range []string{"light", "dark"} {
			s.b.emulate(width, scheme, "screen")
			s.b.audit(fmt.Sprintf("%d-%s", width, scheme))
		}
	}
	home, err := url.Parse(s.b.url)
	if err != nil {
		s.b.Fatal(err)
	}
	for _, asked := range s.b.asked() {
		u, err := url.Parse(asked)
		if err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Host != home.Host {
			s.b.Errorf("%s asks for %.80s", name, asked)
		}
	}
}

// Go opens another page.
func (s Site) Go(url string) {
	s.b.Helper()
	s.b.do(chromedp.Navigate(url))
}

// Run runs a script in the page and returns its string. The script may be async.
func (s Site) Run(script string) string {
	s.b.Helper()
	return run(s.b, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
}

// Await waits until an expression is true. The page may be replaced in the meantime.
func (s Site) Await(expression string) {
	s.b.Helper()
	for deadline := time.Now().Add(30 * time.Second); !s.holds(expression); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.b.Fatalf("%s: never %s; the page says %.500s", s.b.name, expression, s.Run("document.body.innerText"))
		}
	}
}

// holds reports whether an expression is true. It is false while the page is being replaced.
func (s Site) holds(expression string) bool {
	s.b.Helper()
	holds, err := chromedp.Run(s.b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	if protocol, ok := errors.AsType[*cdproto.Error](err); ok && protocol.Code == serverError {
		return false
	}
	if err != nil {
		s.b.Fatal(err)
	}
	return holds
}

// serverError is the code of browser errors that do not come from a script: "Inspected target
// navigated or closed", "Execution context was destroyed", "Cannot find context".
const serverError = -32000

func open(t *testing.T, path string) *browser {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return visit(t, filepath.Base(path), (&url.URL{Scheme: "file", Path: path}).String())
}

// visit opens a browser with a page.
func visit(t *testing.T, name, url string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds")
	}
	program := os.Getenv("OSCAR_CHROMIUM")
	if program == "" {
		t.Skip("OSCAR_CHROMIUM is not set: no browser to look at the report with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &browser{T: t, ctx: ctx, name: name, url: url}
	requests := chromedp.Events(ctx, network.RequestWillBeSent)
	go func() {
		for e, err := range requests {
			if err != nil {
				return // the browser was closed
			}
			b.mu.Lock()
			b.urls = append(b.urls, e.Request.URL)
			b.mu.Unlock()
		}
	}()
	b.do(command(network.Enable, network.EnableParams{}), chromedp.Navigate(b.url))
	return b
}

// asked lists the requested URLs. The page's own URL must be among them.
func (b *browser) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.urls) == 0 {
		b.Errorf("%s: the browser reports no request, not even of the page", b.name)
	}
	return b.urls
}

// command is an action that sends one protocol command.
func command[P, R any](c cdp.Command[P, R], p P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, p)
		return err
	})
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

func run[T any](b *browser, action chromedp.Action[T]) T {
	b.Helper()
	out, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// emulate sets the screen or medium of the page.
func (b *browser) emulate(width int64, scheme, media string) {
	b.Helper()
	b.do(
		chromedp.EmulateViewport(width, 900, chromedp.EmulatePortrait),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}),
	)
}

// audit records the problems of the page as shown. The page may not run scripts, but the browser can
// run ours.
func (b *browser) audit(view string) {
	b.Helper()
	for _, wrong := range append(run(b, chromedp.Evaluate[[]string](audit, chromedp.EvalAwaitPromise)), b.axe(view)...) {
		b.Errorf("%s, %s: %s", b.name, view, wrong)
	}
	if os.Getenv("OSCAR_SCREENSHOTS") != "" {
		b.keep(view+".png", run(b, chromedp.FullScreenshot(100)))
	}
}

// print prints the page on A4.
func (b *browser) print() {
	b.Helper()
	b.emulate(widths[2], "dark", "")
	pdf := run(b, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPreferCSSPageSize()))
	if !strings.HasPrefix(string(pdf), "%PDF-") || !strings.Contains(string(pdf), "/Type /Page") {
		b.Errorf("%s: printed, it is no PDF: %.20q", b.name, pdf)
	}
	b.keep("print.pdf", pdf)
}

// keep writes a file for inspection, if OSCAR_SCREENSHOTS is set.
func (b *browser) keep(name string, data []byte) {
	b.Helper()
	dir := os.Getenv("OSCAR_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, b.name+"-"+name), data, 0o666); err != nil {
		b.Fatal(err)
	}
}
