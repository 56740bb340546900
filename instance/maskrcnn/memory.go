package maskrcnn

import "oscar/tfmodel"

// Memory forecasts the memory of a training step, for a batch of that many pictures with at
// most that many objects each.
func (a Architecture) Memory(batch, objects int, adam tfmodel.Adam) (tfmodel.Memory, error) {
	p, err := a.parts()
	if err != nil {
		return tfmodel.Memory{}, err
	}
	r, regions := a.Regions, batch*(a.Regions.Positives+a.Regions.Negatives)
	one := func(s tfmodel.Stack, n int) tfmodel.Part { return tfmodel.Part{Stack: s, N: n} }
	list := []tfmodel.Part{
		one(p.backbone, batch), one(p.box, regions), one(p.names, regions), one(p.corrections, regions),
		one(p.mask, batch*r.Positives), one(p.enlarge, batch*r.Positives), one(p.draw, batch*r.Positives),
	}
	const float = 4
	height, width := a.Input[0], a.Input[1]
	values := height*width*3*batch + height*width*3*batch/float        // pictures as floats and as bytes
	values += batch * height * width * (objects/float + 2*r.Positives) // true masks as bytes; those of the regions, and their product
	for i, l := range p.levels {
		list = append(list, one(p.lateral[i], batch), one(p.smooth[i], batch))
		if i == 0 {
			list = append(list, one(p.region, batch), one(p.objects, batch), one(p.shifts, batch))
		} else { // the same heads on fewer positions
			values += batch * l.height * l.width * (a.Pyramid.Filters + 5*len(a.Anchors.Ratios))
		}
		for _, cut := range []struct{ regions, size int }{{regions, a.BoxSize}, {batch * r.Positives, a.MaskSize}} {
			values += cut.regions * cut.size * (l.width*a.Pyramid.Filters + cut.size*a.Pyramid.Filters) // the first product, and the cells
			values += cut.regions * cut.size * samples * (l.height + l.width)                           // weights of the samples
		}
		k := min(r.TrainCandidates, l.height*l.width*len(a.Anchors.Ratios))
		values += 3 * batch * k * k // overlaps of the candidates
	}
	return tfmodel.MemoryOf(batch, list, tfmodel.Training{Optimizer: adam}, float*int64(values)), nil
}
