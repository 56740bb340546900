// Package result is what a study found: the types of study.json. It knows
// nothing of TensorFlow, so that a report can be made wherever the file is.
//
//	found, err := result.Read("runs/deck") // the folder that oscar study run wrote
//	for _, v := range found.Variants {
//		fmt.Println(v.Name, v.Status, v.Figures["test_accuracy"].Mean)
//	}
//
// Every path in it is relative to the study's folder, with slashes, but for
// Data.Root.
package result
