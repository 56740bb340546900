package global

// What the tests look into.

// Logistic is a classifier's weights and bias.
func Logistic(x [][]float32, positive []bool, c float64) (weights []float64, bias float64, err error) {
	fit, err := logistic(x, positive, c)
	return fit.weights, fit.bias, err
}

// Embed groups maps into k by the eigenvectors, whatever the gap says.
func Embed(maps [][]float64, neighbors, k int, seed uint64) (groups []int, silhouetteEmbedded, silhouetteMaps float64, err error) {
	d := distances(maps)
	_, vectors, err := spectrum(laplacian(d, neighbors), true)
	if err != nil {
		return nil, 0, 0, err
	}
	embedding := rows(vectors, k)
	groups = kmeans(embedding, k, seed)
	return groups, silhouette(distances(embedding), groups, k), silhouette(d, groups, k), nil
}

var (
	Welch         = welch
	KMeans        = kmeans
	Concentration = concentration
)

// CloudOf draws from the normal distribution with the points' covariance.
func CloudOf(points [][]float64, seed uint64) [][]float64 {
	return newCloud(points).draw(stream(seed, "test", 0))
}
