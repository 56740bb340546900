package reporttest

import (
	"os"
	"slices"

	"github.com/chromedp/chromedp"
)

// axeViews are those in which axe-core looks at a page: what it finds does not depend on
// the width, but on the colours.
var axeViews = []string{"768-light", "768-dark"}

// runAxe lists what axe-core finds: the rule, its help, and the first elements.
const runAxe = `(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map((v) =>
	v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " + n.failureSummary.replace(/\s+/g, " ")).join(" | ")))()`

// axe lists the faults of accessibility that axe-core finds, if OSCAR_AXE names its
// script.
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
	// The page may run no script, but the browser may, for us.
	if !run(b, chromedp.Evaluate[bool]("typeof axe !== 'undefined'")) {
		run(b, chromedp.Evaluate[bool](string(script)+";true"))
	}
	return run(b, chromedp.Evaluate[[]string](runAxe, chromedp.EvalAwaitPromise))
}
