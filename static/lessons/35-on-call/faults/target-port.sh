# A new version was to listen on 9090, and was rolled back. Its Service was not.
kubectl patch service stock --type=json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":9090}]'
