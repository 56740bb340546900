package serve

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"oscar/internal/paths"
)

// cookieName is the name of the cookie after a login.
const cookieName = "oscar"

// shortestToken is the minimum length of a token in characters.
const shortestToken = 16

// readToken reads the token from a file.
func readToken(path string) (string, error) {
	b, err := paths.ReadFile(path, paths.Settings)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if len(token) < shortestToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%s holds a token of %d characters; want one line of at least %d, without spaces", path, len(token), shortestToken)
	}
	return token, nil
}

// session returns the cookie after a login. It does not reveal the token.
func (s *Server) session() string {
	h := hmac.New(sha256.New, []byte(s.token))
	h.Write([]byte("oscar session"))
	return hex.EncodeToString(h.Sum(nil))
}

// same compares two secrets in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// known reports whether a request is authorized: no token is set, or the request has it in its
// Authorization header or its cookie.
func (s *Server) known(r *http.Request) bool {
	if s.token == "" {
		return true
	}
	if header := r.Header.Get("Authorization"); strings.HasPrefix(header, "Bearer ") {
		return s.isBearer(header)
	}
	cookie, err := r.Cookie(cookieName)
	return err == nil && same(cookie.Value, s.session())
}

// isBearer reports whether a header's value is "Bearer " and the token.
func (s *Server) isBearer(header string) bool {
	token, ok := strings.CutPrefix(header, "Bearer ")
	return ok && same(token, s.token)
}

// withToken requires the token. It redirects browsers to the login page.
func (s *Server) withToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.known(r):
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, errors.New("the token is missing or wrong; send it as the header Authorization: Bearer TOKEN"))
		}
	})
}

// loginPage asks for the token.
type loginPage struct{ Title, Error string }

func (s *Server) loginForm(w http.ResponseWriter, _ *http.Request) {
	s.render(w, http.StatusOK, "login", loginPage{Title: "Log in"})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if s.token == "" || !same(strings.TrimSpace(r.PostFormValue("token")), s.token) {
		s.render(w, http.StatusUnauthorized, "login", loginPage{"Log in", "This is not the token."})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.session(), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.options.Certificate != ""})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
