// Package study compares variants of a model: a base experiment and named edits
// of it, each trained with several seeds on one split, explained and compared.
// It tests claims that were declared beforehand.
//
// # First call
//
//	s, err := study.Builtin("deck") // or ReadFile("study.yaml")
//	found, err := study.Run(ctx, study.Options{Study: s, Data: "photos", Out: "runs/deck", Budget: time.Hour})
//	for _, claim := range found.Claims {
//		fmt.Println(claim.Verdict, claim.Text, claim.Why)
//	}
//
// [Add] adds a variant to a study. The types of the result are in package result,
// which needs no TensorFlow.
//
// # Properties
//
//   - A [Study] is data. The edits of a variant are applied in the order of its
//     fields. Unknown keys in a file are errors.
//   - Every run is an ordinary run folder. Finished work is not repeated. A killed and
//     resumed study gives the same bits as an uninterrupted one.
//   - A variant that does not fit the machine's memory, or whose training fails, is
//     a row of the result with the reason. A full disk is an error.
//   - A folder can only be resumed with the same study.
//   - docs/design/0011-studies.md has the rule for claims.
//
// # To add a study or a measure
//
// A study is a YAML file in studies. A measure is a line in the table of measure.go.
package study
