"""Files of partners: NDJSON, CSV, XLSX and exports of the UN Partner Portal, read line by line."""
