// Package console has the web page on which operators see stock, segments, orders and the cluster, and act on them. Its
// sources are below this directory, in TypeScript and Svelte; `make console` builds them into dist, from where they are
// embedded. A build of Go alone has no page, and says how to get it.
//
// The package answers requests for the page's files. It never reads stock and decides about nobody's access: the page
// uses the public API like any other client.
//
// # Reading order
//
// Go: console.go, the files; headers.go, what browsers are told about them.
//
// The page: src/main.ts, src/App.svelte with the list of pages (src/pages.ts), then a page, such as
// src/inventory/Inventory.svelte. What decides something is plain TypeScript beside the components, with its tests:
// src/api (client, streams), src/lib (figures, times). src/style has the colours and sizes, light and dark. browser has
// the stories that run in a real browser, against a real server.
//
// # Rules of the page
//
// The policy of its content forbids inline scripts and styles: no style attribute in markup (style:width= is fine,
// since it sets a property), no library that writes style elements into the document. The first load stays below 200 kB
// compressed; a test checks it. A page that needs more (an editor) is loaded when it is opened.
package console
