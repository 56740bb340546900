// Package page makes what people look at from what a run, an explanation, a
// table of scores or a study measured: pictures ([Curves], [Scores]) and a page.
// It knows nothing of TensorFlow, and of no folder: who calls it reads them.
//
// # The page
//
//	page := page.Page{
//		Kind: "Training run", Title: "alexnet02 on trashnet",
//		Sections: []page.Section{{Title: "Learning curves", Blocks: []page.Block{
//			page.Charts{{Title: "Loss", X: "epoch", Series: series}},
//		}}},
//	}
//	err := page.Write(ctx, "report.html", page)
//
// A [Page] is plain data: sections of blocks, which are numbers ([Figures],
// [Facts]), text ([Text], [List], [Code]), a [Table], [Charts], a [Wall] of
// pictures, or others folded away ([Fold]). [Matrix], [PerClass] and [ScoreTable]
// make blocks of what packages metric and score have.
//
// # What holds
//
//   - One file. It asks for nothing from anywhere and runs no script; its security
//     policy forbids both.
//   - At most [Budget] bytes, whatever the page holds: pictures share what there is.
//   - The same page gives the same bytes.
//   - Names of classes and files may hold anything: html/template escapes them.
//   - It can be read on a phone, on paper, in the dark, and by a screen reader.
//
// # To add a block
//
// A type with a method template in a file of its own, and a template of that name
// in page.tmpl.
package page
