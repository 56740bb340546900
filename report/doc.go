// Package report makes an HTML page of folders of results:
//
//	path, err := report.Write(ctx, report.Options{Dirs: []string{"runs/first"}})
//
// It reads the files with package result, makes a chapter of each folder, and joins the chapters to
// a [page.Page], which package page renders. It needs no TensorFlow and no model: everything on a
// page comes from the files.
//
// # Properties
//
//   - The folders are only read. Names in their files never lead out of them.
//   - Numbers are of images that the model was not trained on, or the page says otherwise.
//   - Images are chosen by a rule that the page states, see [result.Chooser].
//   - A color has one meaning: in tables blue is good and orange is bad, and each
//     color map has its own bar.
//
// # To add a kind of results
//
// Add a file with a function that reads a folder into chapters, and a line in the
// table kinds of report.go.
package report
