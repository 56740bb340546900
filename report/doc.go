// Package report makes a page of what folders of results hold:
//
//	path, err := report.Write(ctx, report.Options{Dirs: []string{"runs/first"}})
//
// It reads the files of package result, puts each folder's results into a
// chapter, and joins the chapters to a [page.Page]. Package page draws it. It needs
// no TensorFlow and no model: the files say all that a page says.
//
// # What holds
//
//   - The folders are only read. Names in their files never lead out of them.
//   - Numbers are of images that the model has not seen, or the page says of which.
//   - Images are chosen by a rule that the page states, see [result.Chooser].
//   - A color has one meaning: in tables blue is good and orange is bad, and each
//     color map has its own bar.
//
// # To add a kind of results
//
// A file with a function that reads a folder into chapters, and a line in the
// table kinds of report.go.
package report
