// Package maskrcnn is a detector that finds, classifies and segments objects: a Mask R-CNN (He et
// al. 2017, arXiv:1703.06870) with a feature pyramid, small enough for training on a CPU.
//
// An [Architecture] is data: lists of layers of package tfmodel, and numbers. [NewTrainer] trains
// it, [NewDetector] detects objects. [Detector.At] returns a classifier of one fixed box, to which
// all methods of package explain apply.
//
// It follows torchvision with three differences. RoIAlign is aligned (torchvision's pooler shifts by
// half a cell). Training samples a fixed number of regions per image. An image may have ignored
// boxes.
//
// Boxes are x1, y1, x2, y2 in pixels of the network's input.
package maskrcnn
