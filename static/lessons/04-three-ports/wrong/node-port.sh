kubectl patch service api --type=json -p '[{"op":"replace","path":"/spec/ports/0/nodePort","value":30090}]'
