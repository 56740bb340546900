// Package page renders a page of plain data as one HTML file. It does not import TensorFlow
// and reads no folder of results; the caller does.
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
// pictures, or a [Fold] of other blocks. [Matrix], [PerClass] and [ScoreTable]
// make blocks from the types of packages metric and score.
//
// # Properties
//
//   - It is one file that loads nothing and runs no script; its content security policy
//     forbids both.
//   - It has at most [Budget] bytes: pictures share the remaining space.
//   - The same page gives the same bytes.
//   - Names of classes and files may have any characters: html/template escapes them.
//   - It can be read on a phone, on paper, in dark mode, and by a screen reader.
//
// # To add a block
//
// Add a type with a method template in its own file, and a template of that name
// in page.tmpl.
package page
