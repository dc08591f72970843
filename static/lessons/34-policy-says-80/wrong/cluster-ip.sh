kubectl patch networkpolicy web --type=json -p '[{"op":"add","path":"/spec/ingress/0/from/-","value":{"ipBlock":{"cidr":"10.96.41.7/32"}}}]'
