// Package pdok fetches the boundaries and key figures of CBS from the services
// that publish them, OGC API Features and WFS 2.0 (PDOK), and reads them from
// GeoPackage files.
//
// What is fetched is stored page by page, so that an interrupted import goes on
// where it stopped, and read only when every page is there: what comes out is
// whole or an error.
package pdok
