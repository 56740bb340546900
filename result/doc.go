// Package result has the types and readers of all files of results. It does not depend on
// TensorFlow, so reports can be made on any machine.
//
//	found, err := result.Read("runs/deck") // the folder that oscar study run wrote
//	for _, v := range found.Variants {
//		fmt.Println(v.Name, v.Status, v.Figures["test_accuracy"].Mean)
//	}
//
// Paths in study.json are relative to the study's folder, with slashes, except
// Data.Root.
package result
