// Package instance has the jobs of detectors: [Train], [Resume], [Evaluate], [Predict] and
// [Explain]. Data are folders of scenes (package instance/scene), the model is a Mask R-CNN
// (package instance/maskrcnn), and figures are COCO's (package instance/coco).
//
// A run folder is like a classifier's, with the key "task": "instances" in experiment.json. A
// run that was stopped and resumed ends with the same bits as one that was not, given the
// same number of threads.
package instance
