// Package study varies a model and sees what changes: a base experiment and
// named edits of it, each trained with several seeds on one split, compared,
// explained, and held against claims that were declared beforehand.
//
// # First call
//
//	s, err := study.Builtin("deck") // or ReadFile("study.yaml")
//	found, err := study.Run(ctx, study.Options{Study: s, Data: "photos", Out: "runs/deck", Budget: time.Hour})
//	for _, claim := range found.Claims {
//		fmt.Println(claim.Verdict, claim.Text, claim.Why)
//	}
//
// [Add] puts one more variant into a finished study. The result's types are in
// package study/result, which needs no TensorFlow.
//
// # What holds
//
//   - A [Study] is data. A variant's edits are done in the order of its fields;
//     unknown keys of a file are errors.
//   - Every run is an ordinary run folder. Finished work is not repeated, and a
//     study that was killed ends with the bits of one that was not.
//   - A variant that does not fit the machine's memory, or whose training fails, is
//     a row of the result, with the reason.
//   - The folder of a study takes the same study only.
//   - What decides a claim is written in docs/design/0011-studies.md.
//
// # To add a study
//
// A file with a function that returns a literal, as deck.go, and a line in the
// table of builtin.go. To add a measure: a line in the table of measure.go.
package study
