// Package mask has masks of objects as run-length codes: which pixels of a picture belong
// to an object. It reads and writes the two forms of COCO, fills polygons, and measures
// area, box and intersection over union.
//
// [Encode] makes an [RLE] of pixels and [Fill] one of a polygon. All numbers are those of
// pycocotools, bit for bit.
package mask
