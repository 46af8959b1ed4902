// Package web is the site that residents and councillors read: Dutch at /,
// English at /en/, drawn on the server, whole without JavaScript. It reads the
// public graph and nothing else.
package web
