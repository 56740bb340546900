package reporttest

import (
	"os"
	"slices"

	"github.com/chromedp/chromedp"
)

// axeViews are the views that axe-core checks. Its results depend on the colors, not on the width.
var axeViews = []string{"768-light", "768-dark"}

// runAxe lists axe-core's violations: the rule, its help, and the first elements.
const runAxe = `(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map((v) =>
	v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " + n.failureSummary.replace(/\s+/g, " ")).join(" | ")))()`

// axe lists the accessibility violations that axe-core finds. OSCAR_AXE names its script.
func (b *browser) axe(view string) []string {
	b.Helper()
	path := os.Getenv("OSCAR_AXE")
	if path == "" || !slices.Contains(axeViews, view) {
		return nil
	}
	script, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	// The page itself may not run scripts, but the browser can run them.
	if !run(b, chromedp.Evaluate[bool]("typeof axe !== 'undefined'")) {
		run(b, chromedp.Evaluate[bool](string(script)+";true"))
	}
	return run(b, chromedp.Evaluate[[]string](runAxe, chromedp.EvalAwaitPromise))
}
