kubectl patch service api --type=json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":"http"}]'
