package serve

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's Prometheus metrics.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	batch    *prometheus.HistogramVec
	waited   *prometheus.HistogramVec
	refused  prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oscar_requests_total", Help: "Requests by route and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oscar_request_seconds", Help: "Time of a request by route.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"route"}),
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oscar_batch_images", Help: "Images in a run of a model.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}, []string{"queue"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oscar_queue_seconds", Help: "Time that the oldest image of a run waited in the queue.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}, []string{"queue"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "oscar_refused_total", Help: "Requests that were refused because too many are under way."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.batch, m.waited, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe returns a function that records a queue's runs: batch size and duration.
func (m *metrics) observe(queue string) func(int, time.Duration) {
	batch, waited := m.batch.WithLabelValues(queue), m.waited.WithLabelValues(queue)
	return func(images int, wait time.Duration) {
		batch.Observe(float64(images))
		waited.Observe(wait.Seconds())
	}
}

// watch adds gauges for the lengths of the queues and the versions of the models.
func (m *metrics) watch(s *Server) {
	for name, q := range map[string]*queue{"quick": s.quick, "slow": s.slow} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oscar_queue_images", Help: "Images that wait for a run.", ConstLabels: prometheus.Labels{"queue": name},
		}, func() float64 { return float64(q.length()) }))
	}
	for _, model := range s.models.models {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oscar_model_version", Help: "The version of a model that is served.", ConstLabels: prometheus.Labels{"model": model.name},
		}, func() float64 { return float64(model.served()) }))
	}
}

// request records a finished request.
func (m *metrics) request(r *http.Request, status int, took time.Duration) {
	m.note(routeOf(r), strconv.Itoa(status), took)
}

func (m *metrics) note(route, status string, took time.Duration) {
	m.requests.WithLabelValues(route, status).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// routeOf returns the route of a request: its pattern, and the verb of a model.
func routeOf(r *http.Request) string {
	route := r.Pattern
	if route == "" {
		return "none"
	}
	if strings.Contains(route, "{target...}") {
		_, verb, _ := strings.Cut(r.PathValue("target"), ":")
		switch verb {
		case "predict", "classify", "explain":
			route += ":" + verb
		}
	}
	return route
}

// handler serves the metrics as text.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
