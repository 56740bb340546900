// Package scene makes data sets of pictures with several objects, and reads them.
//
// [Synthesize] draws one. A data set is a folder, as other programs read it:
//
//	DIR/images/train/000001.png
//	DIR/annotations/instances_train.json    in the form of COCO
//
// and the same for the parts val and test.
package scene
