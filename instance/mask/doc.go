// Package mask implements masks of objects as run-length encodings (RLE). It reads and writes COCO's
// two formats, fills polygons, and computes area, box and intersection over union.
//
// [Encode] returns the [RLE] of pixels, and [Fill] that of a polygon. All results equal
// pycocotools', bit for bit.
package mask
