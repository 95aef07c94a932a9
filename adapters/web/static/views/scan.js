/** The FTP server: how it fares, and the scan that runs. */

import { find, say } from "../modules/dom.js";
import { ago, bytes, count, dateAndTime, plural } from "../modules/format.js";

const NOT_CONFIGURED = "No FTP server is configured: set FTP_SA4CPS_HOST. Files can still be uploaded.";
let complaint = null;
let asking = false;

const runs = (scan) => scan?.status === "running";

export function startScan(store, api) {
  find("scan-now").addEventListener("click", async () => {
    complaint = null;
    asking = true;
    store.touch();
    try {
      await api.post("/ingestion/ftp/scan");
      await store.meterFiles.refresh();
    } catch (error) {
      complaint = error.code === "ftp_not_configured" ? NOT_CONFIGURED : error.message;
    } finally {
      asking = false;
      store.touch();
    }
  });
}

export function showScan(store) {
  const { scan, source } = store.meterFiles;
  find("ftp-dot").dataset.state = source?.status ?? "unknown";
  say(find("ftp-about"), about(store, source, scan));
  const button = find("scan-now");
  button.disabled = runs(scan) || asking || source === null;
  say(button, runs(scan) ? "Scanning" : "Scan now");
  find("scan").hidden = !runs(scan);
  if (runs(scan)) showProgress(scan);
  const fault = complaint ?? (scan?.status === "failed" && scan.error ? `The last scan failed: ${scan.error.detail}` : null);
  find("ftp-error").hidden = !fault;
  say(find("ftp-error"), fault ?? "");
}

function about(store, source, scan) {
  if (source === null) return NOT_CONFIGURED;
  const parts = [];
  if (source) parts.push(source.name ?? source.source_id, source.status);
  if (scan && scan.status !== "running") {
    const when = ago(Math.max(0, (store.now() - Date.parse(scan.ended ?? scan.started)) / 1000));
    parts.push(`scanned ${when}: ${plural(scan.files_done, "file")} read of ${count(scan.files_seen)}`);
  } else if (!scan && source) parts.push("not scanned yet");
  if (source?.next && !runs(scan)) parts.push(`next scan ${dateAndTime(Date.parse(source.next))}`);
  return parts.filter(Boolean).join(" · ");
}

function showProgress(scan) {
  const bar = find("scan-bar");
  if (scan.bytes_total) {
    bar.max = scan.bytes_total;
    bar.value = Math.min(scan.bytes_done, scan.bytes_total);
  } else bar.removeAttribute("value");
  const parts = scan.bytes_total
    ? [`${bytes(scan.bytes_done)} of ${bytes(scan.bytes_total)}`, `${plural(scan.files_done, "file")} read, ${count(scan.files_skipped)} skipped of ${count(scan.files_seen)}`]
    : [`Looking through ${plural(scan.folders, "folder")}: ${plural(scan.files_seen, "file")} so far`];
  if (scan.current_file) parts.push(scan.current_file);
  say(find("scan-what"), parts.join(" · "));
}
