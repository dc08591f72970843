kubectl patch networkpolicy web --type=json -p '[{"op":"replace","path":"/spec/ingress/0/ports/0/port","value":8080}]'
