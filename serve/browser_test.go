package serve

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"oscar/report/reporttest"
)

// The main paths of the explorer and of the browser, by a person with a mouse, and by
// one with a keyboard.
func TestPagesInABrowser(t *testing.T) {
	results := explained(t)
	run := filepath.Join(shared(t), "run")
	s := start(t, func(o *Options) {
		o.Models = []string{run, "other=" + filepath.Join(run, "saved_model")}
		o.Images, o.Results = []string{filepath.Join(shared(t), "shapes", "images")}, []string{run, results}
	})
	s.classifyAll(t.Context())
	site := reporttest.Visit(t, "explore-empty", s.url+"/")
	site.Look("explore-empty")
	file := fmt.Sprintf(`(() => {
		const transfer = new DataTransfer();
		const bytes = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
		transfer.items.add(new File([bytes], "a.png", { type: "image/png" }));
		return transfer;
	})()`, base64.StdEncoding.EncodeToString(pictureFile(t)))
	shown := `document.querySelector("#overlay")?.complete && document.querySelector("#overlay").naturalWidth > 0 && location.search.includes("picture=")`
	for _, way := range []string{
		`document.dispatchEvent(new DragEvent("drop", { dataTransfer: T, bubbles: true, cancelable: true }))`,
		`document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: T, bubbles: true }))`,
		`picture.files = T.files, picture.dispatchEvent(new Event("change", { bubbles: true }))`,
	} {
		site.Go(s.url + "/")
		site.Await(`document.documentElement.classList.contains("scripted")`)
		site.Run("(() => { const T = " + file + "; const picture = document.getElementById('picture'); " + way + "; return ''; })()")
		site.Await(shown)
	}
	site.Look("explore")
	change := func(id, value string) {
		t.Helper()
		site.Run(fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event("change", { bubbles: true })); return ""; })()`, id, value))
	}
	change("method", "lrp")
	site.Await(`location.search.includes("method=lrp") && document.getElementById("colormap").value === "rdbu_r" && document.getElementById("layer").value === ""`)
	change("method", "gradcam")
	site.Await(`location.search.includes("method=gradcam") && document.getElementById("layer").value === "conv5"`)
	change("class", "box")
	site.Await(`document.querySelector("#result figcaption b").textContent === "box"`)
	change("layer", "conv1")
	site.Await(`document.getElementById("overlay").src.includes("layer=conv1")`)
	change("alpha", "0.9")
	site.Await(`location.search.includes("alpha=0.9")`)
	// A rectangle that is dragged is painted over, and the answer is another.
	before := site.Run(`document.querySelector(".bars").textContent`)
	site.Run(`(() => {
		const photo = document.getElementById("photo"), box = photo.getBoundingClientRect();
		const at = (type, x, y) => photo.dispatchEvent(new PointerEvent(type, { bubbles: true, cancelable: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
		at("pointerdown", .1, .1); at("pointermove", .5, .5); at("pointerup", .9, .8);
		return "";
	})()`)
	site.Await(`document.getElementById("patch").value === "10,10,80,70" && location.search.includes("patch=")`)
	site.Await(`document.querySelector("#result figcaption").textContent.includes("changed")`)
	if after := site.Run(`document.querySelector(".bars").textContent`); after == before {
		t.Error("the answer is the same without the object")
	}
	change("rotate", "20")
	site.Await(`location.search.includes("rotate=20")`)
	// The link of the view restores it.
	link := site.Run(`location.href`)
	pixels := site.Run(`document.getElementById("overlay").src`)
	site.Go(s.url + "/results")
	site.Go(link)
	site.Await(shown)
	if again := site.Run(`document.getElementById("overlay").src`); again != pixels || site.Run(`document.getElementById("rotate").value`) != "20" {
		t.Errorf("the link shows %s, want %s", again, pixels)
	}
	for _, beside := range []string{"layers", "classes", "models", "methods"} {
		change("beside", beside)
		site.Await(`document.querySelector("#beside-title")?.textContent === "Side by side: ` + beside + `"`)
		if n := site.Run(`String(document.querySelectorAll(".tiles li").length)`); n == "0" || n == "1" {
			t.Errorf("%s: %s maps side by side", beside, n)
		}
	}
	site.Await(`document.querySelector("#beside-title + .note")?.textContent.includes("Slow methods are left out: scorecam, ablationcam, smoothgrad, integrated-gradients, occlusion, rise, lime.")`)
	change("beside", "classes")
	change("scale", "shared")
	site.Await(`[...document.querySelectorAll(".tiles img")].length > 1 && [...document.querySelectorAll(".tiles img")].every((i) => i.src.includes("full="))`)
	site.Run(`(async () => { for (const i of document.querySelectorAll(".tiles img")) { i.loading = "eager"; await i.decode(); } return ""; })()`)
	site.Look("explore-changed")
	// An error is said, and what was there stays usable.
	change("patch", "nonsense")
	site.Await(`document.getElementById("status").textContent.includes("want left, top, width, height")`)
	site.Run(`(() => { document.getElementById("reset").click(); return ""; })()`)
	site.Await(`!location.search.includes("patch=") && document.getElementById("overlay")`)
	// A file that is not an image leaves no result of another picture under its name.
	site.Run(`(() => {
		const transfer = new DataTransfer(), picture = document.getElementById("picture");
		transfer.items.add(new File(["no image"], "bad.png", { type: "image/png" }));
		picture.files = transfer.files;
		picture.dispatchEvent(new Event("change", { bubbles: true }));
		return "";
	})()`)
	site.Await(`document.getElementById("status").className === "wrong" && document.getElementById("status").textContent.startsWith("bad.png: not a JPEG")`)
	if left := site.Run(`document.getElementById("result").textContent.trim() + document.querySelector("#view [name=picture]").value`); left != "" {
		t.Errorf("after a file that is not an image the page has %q", left)
	}
	site.Look("explore-bad")
	for name, path := range map[string]string{
		"browse-images": "/browse/images", "browse-explained": "/browse/explained?answer=wrong&method=gradcam", "results": "/results", "results-run": "/results/run",
		"not-found": "/browse/images?truth=nothing",
	} {
		site.Go(s.url + path)
		site.Run(`(async () => { for (const i of document.querySelectorAll("img")) { i.loading = "eager"; await i.decode().catch(() => {}); } return ""; })()`)
		site.Look(name)
	}
	// Drawing around points lists them.
	site.Go(s.url + "/browse/images")
	before = site.Run(`String(document.querySelectorAll("#scatter circle.faint").length)`)
	site.Run(`(() => {
		const plot = document.getElementById("scatter"), box = plot.getBoundingClientRect();
		const at = (type, x, y, on) => on.dispatchEvent(new PointerEvent(type, { bubbles: true, cancelable: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
		at("pointerdown", 0, 0, plot);
		for (const [x, y] of [[0.5, 0], [0.5, 1], [0, 1]]) at("pointermove", x, y, document);
		at("pointerup", 0, 1, document);
		return "";
	})()`)
	site.Await(`location.search.includes("region=") && document.querySelector("#scatter polygon")`)
	if after := site.Run(`String(document.querySelectorAll("#scatter circle.faint").length)`); before != "0" || after == "0" {
		t.Errorf("%s points are faint before, %s after a region is drawn", before, after)
	}
	site.Look("browse-region")
	// By keyboard: every control has a label and can be reached.
	site.Go(link)
	site.Await(shown)
	if lost := site.Run(`[...document.querySelectorAll("a, button, select, input:not([type=hidden]), summary")].filter((e) => e.checkVisibility() && (e.tabIndex < 0 || !(e.labels?.length || e.textContent.trim()))).map((e) => e.outerHTML).join(" ")`); lost != "" {
		t.Errorf("without a label, or not to be reached: %s", lost)
	}
}

// Without a script the forms do the same.
func TestPagesWithoutAScript(t *testing.T) {
	s := start(t, nil)
	body := "--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n" + string(pictureFile(t)) + "\r\n--x--\r\n"
	status, header, _ := s.do("POST", "/pictures?method=layercam&class=can", "multipart/form-data; boundary=x", strings.NewReader(body))
	to, err := url.Parse(header.Get("Location"))
	if status != 303 || err != nil || to.Query().Get("method") != "layercam" || to.Query().Get("picture") == "" {
		t.Fatalf("%d leads to %q", status, header.Get("Location"))
	}
	status, page := s.get(header.Get("Location"))
	overlays := hrefs(t, page, "^/overlay[?]")
	if status != 200 || len(overlays) != 1 || !strings.Contains(page, "Map of layercam for the class can") {
		t.Fatalf("%d %v", status, overlays)
	}
	for _, path := range append(overlays, hrefs(t, page, "^/(photo|map|overlay.png)")...) {
		if status, text := s.get(path); status != 200 {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for path, want := range map[string]int{
		"/?picture=gone": 404, "/?model=none": 200, "/?method=none": 400, "/?method=gradcam&layer=none&class=none&alpha=x": 200,
		"/?picture=" + to.Query().Get("picture") + "&rotate=x": 400, "/pictures": 405, "/nowhere": 404, "/static/none": 404,
		"/overlay?picture=" + to.Query().Get("picture") + "&alpha=7": 400, "/overlay?picture=" + to.Query().Get("picture") + "&full=x": 400,
	} {
		if status, text := s.get(path); status != want {
			t.Errorf("%s: %d, want %d: %.200s", path, status, want, text)
		}
	}
	for name, body := range map[string]string{"no picture": "--x\r\n\r\n--x--\r\n", "text": "--x\r\nContent-Disposition: form-data; name=\"picture\"\r\n\r\nhello\r\n--x--\r\n", "empty": ""} {
		if status, _, text := s.do("POST", "/pictures", "multipart/form-data; boundary=x", strings.NewReader(body)); status != 400 {
			t.Errorf("%s: %d %.100s", name, status, text)
		}
	}
}
