kubectl patch service web -p '{"spec":{"loadBalancerIP":"172.18.0.200"}}'
