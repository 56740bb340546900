package explain

import "cmp"

// The samples, or steps, of methods whose Samples or Steps is 0.
const (
	smoothGradSamples = 50
	integrationSteps  = 50
	riseSamples       = 4000
	limeSamples       = 1000
)

// A PassCounter is an [Explainer] that knows on how many images Explain will run
// the model for a batch.
type PassCounter interface {
	Passes(images Images) int
}

// Passes implements [PassCounter].
func (s Saliency) Passes(images Images) int { return images.N }

// Passes implements [PassCounter].
func (g GradientTimesInput) Passes(images Images) int { return images.N }

// Passes implements [PassCounter].
func (g SmoothGrad) Passes(images Images) int {
	return images.N * (1 + cmp.Or(g.Samples, smoothGradSamples))
}

// Passes implements [PassCounter]. The baseline is one of the images.
func (g IntegratedGradients) Passes(images Images) int {
	return images.N * (2 + cmp.Or(g.Steps, integrationSteps))
}

// Passes implements [PassCounter].
func (o Occlusion) Passes(images Images) int {
	patch, stride := o.sizes(images)
	if patch < 1 || stride < 1 || stride > patch {
		return 0 // Explain returns an error
	}
	return images.N * (1 + len(cover(images.Height, images.Width, patch, stride)))
}

// Passes implements [PassCounter].
func (r RISE) Passes(images Images) int { return images.N * (1 + cmp.Or(r.Samples, riseSamples)) }

// Passes is the number of images that Explain will show to the detector.
func (d DRISE) Passes(images Images) int { return images.N * cmp.Or(d.Samples, driseSamples) }

// Passes implements [PassCounter]. The image itself is one of the samples.
func (l LIME) Passes(images Images) int { return images.N * cmp.Or(l.Samples, limeSamples) }

// Passes implements [PassCounter].
func (l LRP) Passes(images Images) int { return images.N }

// Passes implements [PassCounter].
func (g GuidedBackprop) Passes(images Images) int { return images.N }
