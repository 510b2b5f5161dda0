"""Pictures and events that are fetched: RTSP, MJPEG, snapshots, files, vendor event streams; the detector process."""
