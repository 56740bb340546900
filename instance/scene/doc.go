// Package scene draws and reads data sets of pictures with several objects.
//
// [Synthesize] draws one. A data set is a folder in a common format:
//
//	DIR/images/train/000001.png
//	DIR/annotations/instances_train.json    in the form of COCO
//
// and the same for the parts val and test.
package scene
