package reporttest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Pages replace each other while Await asks.
func TestAwaitAcrossPages(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>a page</title><script>
			const n = Number(location.search.slice(1)) + 1;
			if (n <= 100) setTimeout(() => location.replace("?" + n), n % 7);
		</script>`)
	}))
	t.Cleanup(s.Close)
	site := Visit(t, "pages", s.URL)
	site.Await(`location.search === "?100"`)
}
