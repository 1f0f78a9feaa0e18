package kibo

import "net/http"

// missing answers the operations that are not done, each with its reason.
func missing() []Operation {
	const (
		bins   = "bins and their audits are the warehouse's affair: Apportion counts by location and segment"
		waves  = "pick waves are the warehouse's affair"
		files  = "Apportion fetches no files; send them as refresh or adjust calls"
		silo   = "there are no silos to configure"
		stores = "exports go out over HTTP; Apportion sends nothing to FTP, S3 or GCS"
		age    = "records do not grow old here: name what to delete, see delete and deleteItems"
		saved  = "there are no saved exports: GET export gives the stock as CSV"
		cache  = "there is no cache to invalidate: every reply stands on the log"
	)
	var list []Operation
	for _, m := range []struct{ method, pattern, why string }{
		{"GET", v1 + "bin", bins}, {"POST", v1 + "bin", bins}, {"POST", v1 + "bin/{id}", bins},
		{"POST", v1 + "bin/searchInventory", bins}, {"POST", v1 + "bin/loadInventory", bins},
		{"GET", v1 + "bin/binTypes", bins}, {"GET", v1 + "bin/binStatuses", bins},
		{"POST", v1 + "bin/updateBins", bins},
		{"GET", v1 + "config/fetchfile", files}, {"POST", v1 + "config/fetchfile", files},
		{"DELETE", v1 + "config/fetchfile/{id}", files}, {"GET", v1 + "config/fetchfile/testConnection/{id}", files},
		{"POST", v1 + "silo/siloConfig", silo},
		{"GET", v1 + "pickWave", waves}, {"POST", v1 + "pickWave", waves},
		{"POST", v1 + "export/ftp/create", stores}, {"POST", v1 + "export/ftp/update", stores},
		{"DELETE", v1 + "export/ftp/{settings}/{name}", stores},
		{"POST", v1 + "export/s3/create", stores}, {"POST", v1 + "export/s3/update", stores},
		{"DELETE", v1 + "export/s3/{settings}/{name}", stores},
		{"POST", v1 + "export/gcs/create", stores}, {"POST", v1 + "export/gcs/update", stores},
		{"DELETE", v1 + "export/gcs/{settings}/{name}", stores},
		{"DELETE", v1 + "deleteOldInventory/{months}", age},
		{"DELETE", v1 + "deleteOldInventory/allSilo/{months}", age},
		{"POST", v1 + "export", saved}, {"POST", v1 + "export/create", saved}, {"POST", v1 + "export/update", saved},
		{"DELETE", v1 + "export/{settings}", saved},
		{"POST", "/cache/invalidate", cache},
	} {
		list = append(list, notDone(m.method, m.pattern, m.why))
	}
	return list
}

func notDone(method, pattern, why string) Operation {
	return Operation{method, pattern, false, func(*Request) (Reply, error) {
		return Reply{}, &Fault{Status: http.StatusNotImplemented, Code: "not-implemented", Message: "not done here: " +
			why}
	}}
}
