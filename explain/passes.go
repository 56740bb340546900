package explain

import "cmp"

// The default samples, or steps, of methods.
const (
	smoothGradSamples = 50
	integrationSteps  = 50
	riseSamples       = 4000
	limeSamples       = 1000
)

// A PassCounter is an [Explainer] that knows how many images it will run the model on.
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

// Passes implements [PassCounter]. It includes the baseline.
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

// Passes returns the number of images that Explain will run the detector on.
func (d DRISE) Passes(images Images) int { return images.N * cmp.Or(d.Samples, driseSamples) }

// Passes implements [PassCounter]. It includes the image itself as a sample.
func (l LIME) Passes(images Images) int { return images.N * cmp.Or(l.Samples, limeSamples) }

// Passes implements [PassCounter].
func (l LRP) Passes(images Images) int { return images.N }

// Passes implements [PassCounter].
func (g GuidedBackprop) Passes(images Images) int { return images.N }
