// Package mask has masks of objects as run-length codes. It reads and writes the two formats
// of COCO, fills polygons, and measures area, box and intersection over union.
//
// [Encode] makes an [RLE] of pixels and [Fill] one of a polygon. All numbers are those of
// pycocotools, bit for bit.
package mask
