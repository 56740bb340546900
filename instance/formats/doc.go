// Package formats reads annotated pictures of other programs, and writes them as scenes (see package
// oscar/instance/scene).
//
// [Import] reads files of COCO with paths of their own (such as TACO's and Roboflow's),
// LabelMe's JSON, YOLO's polygons and Pascal VOC. All names and numbers in these files are
// untrusted: no file outside of the source folder is read.
package formats
