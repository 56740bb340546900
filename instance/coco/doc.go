// Package coco reads and writes files of COCO, in which a data set of pictures names its
// objects with their classes, boxes and masks, and measures detections as COCO does.
//
// [Read] reads a data set, [ReadResults] a list of detections, and [Evaluate] returns the
// average precision and recall of detections. They equal pycocotools' to 1e-9.
package coco
