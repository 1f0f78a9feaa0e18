package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says whom to ask, and how patiently. Zero values mean defaults.
type Config struct {
	// Servers are the URLs of one or several nodes of one cluster, such as http://10.0.0.1:8080.
	Servers []string

	// Token is the secret of a token, empty for servers that ask for none.
	Token string

	// HTTP sends the requests; default: a client of its own, which keeps up to connectionsIdle connections to a server.
	HTTP *http.Client

	// Timeout bounds one attempt. It should be longer than the server's own bound, so that the server can say what is
	// wrong.
	Timeout time.Duration

	// Patience bounds a request with all its attempts and pauses, beside the deadline of its context. Negative: there
	// is one attempt.
	Patience time.Duration

	// MustListen: a request fails at once if nobody listens at any of the servers. A command wants that, a service
	// rather waits for a server that restarts.
	MustListen bool
}

const (
	timeoutDefault  = 30 * time.Second
	patienceDefault = 60 * time.Second

	// connectionsIdle is how many idle connections to one server are kept. The default of net/http is 2, so that most
	// of many concurrent requests would each open a connection.
	connectionsIdle = 64
)

// Client asks the nodes of one cluster. Any number of goroutines may use it at the same time.
type Client struct {
	config Config
	pause  pauses
	nodes  nodes
}

// New makes a client. It asks no server yet.
func New(config Config) (*Client, error) {
	if len(config.Servers) == 0 {
		return nil, errors.New("client: Config.Servers is empty: the URL of at least one server is needed")
	}
	if config.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, connectionsIdle
		config.HTTP = &http.Client{Transport: transport}
	}
	if config.Timeout == 0 {
		config.Timeout = timeoutDefault
	}
	if config.Patience == 0 {
		config.Patience = patienceDefault
	}
	c := &Client{config: config, pause: pauses{sleep: sleep}}
	for _, server := range config.Servers {
		at, err := url.Parse(server)
		if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
			return nil, fmt.Errorf("client: the server %q: expected a URL such as http://127.0.0.1:8080", server)
		}
		c.nodes.urls = append(c.nodes.urls, strings.TrimRight(at.String(), "/"))
	}
	return c, nil
}

// Close closes the idle connections.
func (c *Client) Close() { c.config.HTTP.CloseIdleConnections() }

// path joins the segments of a path. Each is escaped, so a location A/B stays one segment.
func path(segments ...string) string {
	var text strings.Builder
	text.WriteString("/v1")
	for _, segment := range segments {
		text.WriteByte('/')
		text.WriteString(url.PathEscape(segment))
	}
	return text.String()
}
