// Package maskrcnn is a detector that finds objects, names them and cuts them out: a Mask
// R-CNN (He et al. 2017, arXiv:1703.06870) with a feature pyramid, small enough to be trained
// on a processor.
//
// An [Architecture] is data: lists of layers of package tfmodel, and numbers. [NewTrainer]
// trains it, [NewDetector] finds objects. [Detector.At] is a classifier of one fixed box,
// to which every method of package explain can be applied.
//
// Rules are torchvision's, but for these: RoIAlign is aligned (torchvision's pooler shifts
// by half a cell), a fixed number of regions is sampled in each image, and an image has
// boxes that are ignored.
//
// Boxes are x1, y1, x2, y2 in pixels of the network's input.
package maskrcnn
