package store

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"oscar/internal/atomicfile"
)

// Tests reduce these.
var (
	// The time for which an unreachable store is tried again, when it is opened and later.
	firstPatience = 5 * time.Second
	patience      = time.Minute
	// silence is the time without data after which a connection is closed.
	silence = 30 * time.Second
)

// bucket is a prefix of a bucket of S3.
type bucket struct {
	client   minio.Core
	name     string
	prefix   string // "", or ending with a slash
	endpoint string
	user     string // access key
	region   string // as set by the user; ""
}

// openBucket opens a bucket with the settings of the environment and of AWS's files.
func openBucket(ctx context.Context, name, prefix string) (*bucket, error) {
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
	own := endpoint == ""
	if own {
		endpoint = "https://s3.amazonaws.com"
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("AWS_ENDPOINT_URL_S3 is %q, want http://HOST:PORT or https://HOST:PORT", endpoint)
	}
	chain := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if own || os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" || os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		chain = append(chain, &credentials.IAM{Client: &http.Client{Timeout: 3 * time.Second}})
	}
	keys := credentials.NewChainCredentials(chain)
	user, err := keys.GetWithContext(&credentials.CredContext{Client: http.DefaultClient})
	if err != nil || user.AccessKeyID == "" || user.SecretAccessKey == "" {
		return nil, fmt.Errorf("no credentials for s3://%s: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE of ~/.aws/credentials", name)
	}
	transport, err := minio.DefaultTransport(u.Scheme == "https")
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	transport.ResponseHeaderTimeout = silence
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatient{c}, nil
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: keys, Secure: u.Scheme == "https", Region: region, Transport: transport, MaxRetries: 1})
	if err != nil {
		return nil, err
	}
	b := &bucket{client: minio.Core{Client: client}, name: name, endpoint: endpoint, user: user.AccessKeyID, region: region}
	if prefix != "" {
		b.prefix = prefix + "/"
	}
	return b, b.retry(ctx, firstPatience, "", func() error {
		for o := range client.ListObjectsIter(ctx, name, minio.ListObjectsOptions{Prefix: b.prefix, MaxKeys: 1}) {
			return o.Err
		}
		return nil
	})
}

// impatient is a connection whose reads and writes fail after a time without data.
type impatient struct{ net.Conn }

func (c impatient) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(silence))
	return c.Conn.Read(p)
}

func (c impatient) Write(p []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(silence))
	return c.Conn.Write(p)
}

func (b *bucket) place(key string) string { return "s3://" + b.name + "/" + b.prefix + key }

// retry calls try until it succeeds, fails permanently, or patience has passed.
func (b *bucket) retry(ctx context.Context, patience time.Duration, key string, try func() error) error {
	began := time.Now()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = b.cause(err)
		spent := time.Since(began)
		if !errors.Is(err, ErrUnavailable) {
			return fmt.Errorf("%s: %w", b.place(key), err)
		} else if spent+pause > patience {
			return fmt.Errorf("%s: %w, for %.0f s", b.place(key), err, spent.Seconds())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// cause returns an error with its meaning and a remedy.
func (b *bucket) cause(err error) error {
	if _, ok := errors.AsType[*os.PathError](err); ok || errors.Is(err, fs.ErrNotExist) {
		return err // an error of the copy, not of the store
	}
	r := minio.ToErrorResponse(err)
	switch r.Code {
	case minio.NoSuchKey:
		return fs.ErrNotExist
	case minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %s at %s", b.name, b.endpoint)
	case minio.AccessDenied:
		return fmt.Errorf("access denied: the access key %s may not do that", b.user)
	case "InvalidAccessKeyId", "XAdminUserNotFound":
		return fmt.Errorf("%s does not know the access key %s", b.endpoint, b.user)
	case minio.SignatureDoesNotMatch:
		return fmt.Errorf("the secret key is not that of the access key %s", b.user)
	case "ExpiredToken", "InvalidToken":
		return errors.New("the session token has expired or is wrong; sign in again")
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException", "InvalidRegion":
		text := fmt.Sprintf("%s is in another region than %q", b.name, b.region)
		if r.Region != "" {
			return fmt.Errorf("%s; set AWS_REGION=%s", text, r.Region)
		}
		return fmt.Errorf("%s; set AWS_REGION (%s)", text, strings.TrimSuffix(r.Message, "."))
	case minio.RequestTimeTooSkewed:
		return errors.New("the clocks of this machine and of the store differ too much; set them")
	}
	status := cmp.Or(r.StatusCode, http.StatusOK)
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%s has a certificate of an unknown authority: %w", b.endpoint, unknown)
	}
	if strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return fmt.Errorf("%s has no TLS; set AWS_ENDPOINT_URL_S3 to an http:// URL", b.endpoint)
	}
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case r.Code == "XMinioStorageFull" || status == http.StatusInsufficientStorage:
		return fmt.Errorf("%w: its disk is full", ErrUnavailable)
	case r.Code == "QuotaExceeded" || r.Code == "XMinioAdminBucketQuotaExceeded":
		return fmt.Errorf("%w: the quota of the bucket is exceeded", ErrUnavailable)
	case isNetwork && network.Timeout():
		return fmt.Errorf("%w: %s did not answer in time", ErrUnavailable, b.endpoint)
	case isNetwork || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, b.endpoint, innermost(err))
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return fmt.Errorf("%w: %s answers %d: %s", ErrUnavailable, b.endpoint, status, strings.TrimSuffix(cmp.Or(r.Message, r.Code), "."))
	}
	return fmt.Errorf("%s: %w", b.endpoint, err)
}

// innermost returns the last error of a chain.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func (b *bucket) list(ctx context.Context, prefix string, deep bool) iter.Seq2[object, error] {
	return func(yield func(object, error) bool) {
		last, ended := "", false // the last yielded key, at which an interrupted list continues
		err := b.retry(ctx, patience, prefix, func() error {
			o := minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: deep, StartAfter: last}
			for found := range b.client.ListObjectsIter(ctx, b.name, o) {
				if found.Err != nil {
					return found.Err
				}
				if last = found.Key; strings.HasSuffix(found.Key, "/") {
					continue // a folder marker
				}
				if !yield(object{strings.TrimPrefix(found.Key, b.prefix), found.Size, found.LastModified.Truncate(time.Second)}, nil) {
					ended = true
					return nil
				}
			}
			return ctx.Err()
		})
		if err != nil && !ended {
			yield(object{}, err)
		}
	}
}

func (b *bucket) get(ctx context.Context, key, path string) error {
	return b.retry(ctx, patience, key, func() error {
		body, info, _, err := b.client.GetObject(ctx, b.name, b.prefix+key, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer body.Close()
		return receive(ctx, body, object{key, info.Size, info.LastModified}, path)
	})
}

// receive writes an object atomically to a file with the object's time.
func receive(ctx context.Context, body io.Reader, o object, path string) error {
	err := atomicfile.Draft(path, func(f *os.File) error {
		n := &counter{w: f}
		if err := copyContext(ctx, n, body); err != nil {
			return err
		}
		if n.n != o.size {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := o.modified.Truncate(time.Second)
	return os.Chtimes(path, at, at)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// copyContext is io.Copy until ctx ends.
func copyContext(ctx context.Context, w io.Writer, r io.Reader) error {
	_, err := io.Copy(w, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	return err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (b *bucket) put(ctx context.Context, path, key string) error {
	return b.retry(ctx, patience, key, func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		// A partly sent object does not exist. The server compares the MD5.
		_, err = b.client.Client.PutObject(ctx, b.name, b.prefix+key, f, info.Size(), minio.PutObjectOptions{SendContentMd5: true, ContentType: "application/octet-stream"})
		return err
	})
}

func (b *bucket) remove(ctx context.Context, key string) error {
	return b.retry(ctx, patience, key, func() error {
		return b.client.RemoveObject(ctx, b.name, b.prefix+key, minio.RemoveObjectOptions{})
	})
}
