// Package coco reads and writes files in the format of COCO: pictures, and their
// objects with classes, boxes and masks. It evaluates detections as COCO does.
//
// [Read] reads a data set, [ReadResults] a list of detections, and [Evaluate] returns the
// average precision and recall of detections. They equal pycocotools' to 1e-9.
package coco
